# Everything from a fresh clone, with Python 3.10 or newer and make: `make help`.

PYTHON ?= python3
VENV ?= .venv
WORKSPACE ?= build/colcon
SOURCE ?=
FRAMES ?=
SEED ?=
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.installed-demo

# The wheels bring their own ROS 2; a sourced one of another distribution would mix with them.
ifeq ($(shell uname -sm),Linux x86_64)
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH \
  ROS_DISTRO ROS_PYTHON_VERSION ROS_VERSION _ROS_WHEELS_BOOTSTRAP_COMPLETE
export RMW_IMPLEMENTATION := rmw_fastrtps_cpp
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1

define CHECK_PYTHON
import importlib.util, platform, sys
if sys.version_info < (3, 10):
    sys.exit('lstm_depth needs Python 3.10 or newer, this is %s; name another one: '
             'make PYTHON=python3.12 ...' % platform.python_version())
wheels = (sys.platform, platform.machine()) == ('linux', 'x86_64')
if not wheels and importlib.util.find_spec('rclpy') is None:
    sys.exit('PyPI has ROS 2 for Linux on x86_64 only, this is %s %s; source a ROS 2 '
             'installation first (source /opt/ros/jazzy/setup.bash), then run make again'
             % (platform.system(), platform.machine()))
endef
export CHECK_PYTHON

.DEFAULT_GOAL := help
.PHONY: help install demo test torture audit lint build clean

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(firstword $(MAKEFILE_LIST)) | \
	  while read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

install: $(STAMP)  ## Create .venv with the package, ROS 2 and the tools; the others do it too

# The stamp comes last: an interrupted installation goes on at the next call.
$(DEMO_STAMP): setup.py setup.cfg pyproject.toml
	@$(PYTHON) -c "$$CHECK_PYTHON"
	@echo "Installing into $(VENV): what a robot needs, without PyTorch, once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --editable '.[ros,report]'
	@touch $@

$(STAMP): $(DEMO_STAMP)
	@echo "Installing PyTorch and the tools into $(VENV): several GB, once"
	@$(BIN)/python -m pip install -qq \
	  --editable '.[ros,nyu,dask,report,train,export,openvino,dev]'
	@touch $@

demo: $(DEMO_STAMP)  ## Depth live over ROS 2, files in demo/ (SOURCE=video|bag|webcam FRAMES= SEED=)
	$(BIN)/lstm_depth demo --output demo $(if $(SOURCE),--source '$(SOURCE)') \
	  $(if $(FRAMES),--frames $(FRAMES)) $(if $(SEED),--seed $(SEED))

# One thread each: the tests start several processes, and their networks are small. Two run side
# by side, each test module in one of them.
test: export OMP_NUM_THREADS ?= 1
test: $(STAMP)  ## Run the tests (ARGS='-k stream', WORKERS=1 for one after the other)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

torture: export LSTM_DEPTH_TRIES ?= 2000
torture: $(STAMP)  ## Damaged files and killed commands, for long (LSTM_DEPTH_TRIES=2000)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) test/test_fuzz.py test/test_kill.py $(ARGS)

audit: $(STAMP)  ## Ask PyPI for known weaknesses of what is installed (pip-audit)
	$(BIN)/python -m pip install -qq pip-audit
	$(BIN)/pip-audit --local --skip-editable

lint: $(STAMP)  ## Run ruff and the ROS linters
	$(BIN)/ruff check .
	$(BIN)/python -m pytest --durations=0 test/test_lint.py

build: $(STAMP)  ## Build with colcon, as in a ROS workspace (WORKSPACE=build/colcon)
	$(BIN)/colcon --log-base '$(WORKSPACE)/log' build --base-paths . \
	  --build-base '$(WORKSPACE)/build' --install-base '$(WORKSPACE)/install'

clean:  ## Remove .venv and everything built
	rm -rf $(VENV) build install log dist demo *.egg-info .pytest_cache .ruff_cache .hypothesis

#!/usr/bin/env bash
# Make the checkpoint that ships, from ImageNet weights on: seven trainings, three of teachers.
#
#   bash config/train/flagship.sh FOLDER [lite0.pth lite2.pth] [KEY=VALUE ...]
#
# FOLDER holds nyu_labeled_train, office_rgbd_bag, hololens_walk, tum_fr1_rpy and maker_space
# (what each is: lstm_depth/weights/README.md). The .pth files are EfficientNet-Lite weights for a
# machine without internet. KEY=VALUE goes to every training, such as train.workers=4. Run it again
# after an interruption: it goes on where it was.
set -euo pipefail
folder=${1:?say in which folder the data sets are}
shift
lite0=true lite2=true
if [[ ${1-} == *.pth ]]; then lite0=$1 lite2=${2:?give the weights of both encoders}; shift 2; fi
recipes=$(dirname "$0")
places="data=[$folder/nyu_labeled_train,$folder/office_rgbd_bag,$folder/hololens_walk]"
only="data.train_only=[$folder/tum_fr1_rpy,$folder/maker_space]"
extra=("$@")

# RECIPE NAME [KEY=VALUE ...]: train, go on with, or be done with runs/NAME.
train() {
  local recipe=$1 output=runs/$2 resume=()
  shift 2
  if [ -e "$output/summary.json" ]; then return; fi
  if [ -e "$output/config.yaml" ]; then resume=(--resume); fi
  python3 -m lstm_depth train --config "$recipes/$recipe.yaml" "$@" "${extra[@]}" \
    "train.output=$output" "${resume[@]}"
  # An interrupted training ends well, too.
  if [ ! -e "$output/summary.json" ]; then exit 130; fi
}

train flagship flagship "data=[$folder/nyu_labeled_train,$folder/office_rgbd_bag]" \
  "model.pretrained=$lite0"
train flagship_lean flagship_lean "$places" "$only"
train flagship_lean flagship_again "$places" "$only" \
  model.checkpoint=runs/flagship_lean/phase_1.safetensors model.fit_clips=0 \
  phases.0.epochs=42 phases.0.learning_rate=3e-4 phases.0.drop_path=0.2 phases.0.ema=0.999 \
  train.seed=5
train flagship_teacher flagship_teacher "$places" "$only" "model.pretrained=$lite2" train.seed=5
train flagship_teacher flagship_teacher_4 "$places" "$only" "model.pretrained=$lite2" \
  train.seed=4 phases.0.learning_rate=1.5e-3 phases.0.optimizer.encoder_rate=0.5 \
  phases.0.drop_path=0.2 'phases.0.augmentation.zoom=[1.0,1.5]' \
  phases.0.augmentation.whole=0.4 'phases.0.mix={stills: 0.66, videos: 0.24, rooms: 0.1}'
train flagship_teacher flagship_teacher_3 "$places" "$only" "model.pretrained=$lite2" \
  train.seed=3 model.settings.neck_filters=160 'model.settings.decoder_filters=[64,32]' \
  phases.0.optimizer.encoder_rate=0.5 phases.0.epochs=47 phases.0.batch=48 \
  phases.0.drop_path=0.2 'phases.0.augmentation.zoom=[1.0,1.5]' \
  phases.0.augmentation.whole=0.2 'phases.0.mix={stills: 0.66, videos: 0.24, rooms: 0.1}'
train flagship_distilled flagship_distilled "$places" "$only" train.seed=7
echo 'the network is runs/flagship_distilled/model.safetensors'

#!/bin/sh
#SBATCH --job-name=grade --ntasks=1 --cpus-per-task=1 --mem=1G --time=00:30:00 --output=/dev/null
# sbatch --array=0-19 labs/class/slurm.sh SUBMISSIONS LAB POINTS: task I grades part I and writes POINTS/part-I.csv.
set -eu
[ $# -eq 3 ] || { echo "usage: sbatch --array=0-19 $0 SUBMISSIONS LAB POINTS" >&2; exit 2; }
mkdir -p "$3"
exec tessera lab grade --all "$1" --lab "$2" --secret "${LAB_SECRET:-}" --jobs 1 --index "$SLURM_ARRAY_TASK_ID" --of "$SLURM_ARRAY_TASK_COUNT" -o "$3/part-$SLURM_ARRAY_TASK_ID.csv"

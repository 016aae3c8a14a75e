#!/bin/bash
# A sweep as a Slurm array. Set the folder of fashion-job and the options of the sweep, and --array to the numbers that
#   python -m job sweep --recipe baseline --recipe mlp --seeds 0-9 --list
# prints; the number after % is how many runs take place at the same time. Then run
#   runs=$(sbatch --parsable slurm-array.sh)
#   sbatch --dependency=afterany:"$runs" slurm-collect.sh
# Give a task another attempt with `sbatch --array=7 slurm-array.sh`; a finished run is not repeated.
#SBATCH --job-name=fashion-job-sweep
#SBATCH --array=0-19%10
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --output=sweep-%A-%a.txt
set -euo pipefail

cd "$HOME/fashion-job"
exec .venv/bin/python -m job sweep --recipe baseline --recipe mlp --seeds 0-9 --output sweep \
    --threads "$SLURM_CPUS_PER_TASK" --only-index "$SLURM_ARRAY_TASK_ID"

#!/bin/bash
# Makes the page of the runs that slurm-array.sh finished; see there.
#SBATCH --job-name=fashion-job-collect
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=00:30:00
#SBATCH --output=sweep-collect-%j.txt
set -euo pipefail

cd "$HOME/fashion-job"
exec .venv/bin/python -m job sweep --collect sweep --output sweep

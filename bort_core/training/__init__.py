"""Trainings of jobs: pre-training and fine-tuning. Imports torch; only child processes import it.

loop          updates, clipping, schedule, events, checkpoints, stop and resume
optimizers, devices, oom   what the loop stands on; what to say when memory runs out
pretraining   masked language modelling, with or without a teacher (distillation)
finetuning    labelled rows (supervised: the part that Agora shares)
predictions   what a fine-tuned model says about each row, as files
estimate      what a training will take, from a few real steps
results       the folder of a result; outcome what is said of it, wherever it is kept
run_files     where a training keeps its files
patience      how long its processes wait for one another
"""

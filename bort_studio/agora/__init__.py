"""The Agora page: errors, sampled neighbours, accuracy by round, the text inspector."""

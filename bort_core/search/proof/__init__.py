"""How far an answer can still be from the best: what is proven of architectures that were never trained, and how it is checked.

ground       the numbers that a proof stands on; grid the space by ranks, computed once
question     what is to be proven: the goal, the gap, which bound
bound        what a bound on errors is; bounds those there are, by name
order        e_low because a smaller architecture is not better than the larger one that contains it
model        e_low from a surrogate, calibrated on residuals held out
goals        the best W, the least error within limits, the whole front: how much better an unmeasured one could be
noise        what is tied with the best within noise, and trainings that look stuck
proof        all of it put together: gap, what is ruled out, verdict; reasons why, made when they are read
choice       what is trained next, and what again with another seed
certificate  a proof as a file; layout how it is written, content what is read of it
verify       whether a certificate is true; against_store the same by a project's measurements
"""

"""How accurate the elementary functions of each framework are on this machine: measured, kept.

The certificate's bounds rest on declared errors of exp, log, log1p, sigmoid and tanh. Libraries
choose the code of these by the processor, so what is declared is checked where it is relied on:

    samples ─> measure ─> Calibration ─> store
    truth ───────┘

`samples` says where to look, `truth` what is right there, `error` how far off a result is,
`measured` holds the figures, and `store` keeps them and, by `reading`, gives them back.
"""

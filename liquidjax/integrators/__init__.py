"""Integrators: how a state moves through dt.

Every model here is dx/dt = drive(x) - rate(x) * x. An integrator receives the two coefficients as one function of the
state and nothing else, so each integrator serves every model. All of them leave the state exactly as it is for dt = 0.

`SemiImplicit` and `Exponential` go to the equilibrium drive / rate as dt grows, value and derivatives: where the
product of dt and rate leaves the floating point numbers too, and for dt = inf. The explicit ones, which are unstable at
large steps anyway, and `Diffrax` need a finite dt; `unroll` and `step` refuse another.

The fixed-step integrators divide dt into `unfolds` equal steps of h = dt / unfolds (others call them substeps);
`Diffrax` chooses its own. For one of your own see `FixedStep`.
"""

from liquidjax.integrators.diffrax import Diffrax as Diffrax
from liquidjax.integrators.euler import Euler as Euler
from liquidjax.integrators.exponential import Exponential as Exponential
from liquidjax.integrators.fixed_step import FixedStep as FixedStep
from liquidjax.integrators.midpoint import Midpoint as Midpoint
from liquidjax.integrators.rk4 import RK4 as RK4
from liquidjax.integrators.semi_implicit import SemiImplicit as SemiImplicit

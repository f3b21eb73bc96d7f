"""A model as one C99 file that allocates nothing and needs nothing but a C library: for robots and microcontrollers."""

from liquidjax.export.c.writing import Written as Written
from liquidjax.export.c.writing import write as write

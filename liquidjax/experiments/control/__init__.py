"""Control: imitation of an expert from positions alone, then driven in closed loop through faults of the sensors."""

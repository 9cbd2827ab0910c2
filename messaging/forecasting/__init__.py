"""When a batch will have been sent: `facts` reads what is so now, `simulation` lets time pass by the planner's rules."""

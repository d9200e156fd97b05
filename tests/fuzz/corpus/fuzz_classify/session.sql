begin isolation level serializable; set local a.b = 'c'; select set_config('x', 'y', true); prepare p as delete from t; commit and chain

/* pgweir: standby */ explain route select 1

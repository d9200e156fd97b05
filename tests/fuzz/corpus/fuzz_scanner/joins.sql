select a.b, count(*) from s.t a join u using (id) where a.x = 1 and b in ('x', 'y') group by 1 order by 2 limit 5 for update

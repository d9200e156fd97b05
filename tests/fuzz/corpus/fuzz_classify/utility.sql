create temp table x as with a as (delete from t returning *) select * from a; explain analyze update t set a = 'now'::timestamptz

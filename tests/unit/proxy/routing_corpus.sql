-- The schema that routing_corpus.txt is about. Run once as superuser in an empty database.
create extension citext;
create extension pg_trgm;
create extension tablefunc;
create extension file_fdw;
create schema other;

create table orders (id int primary key, customer text, amount numeric, placed timestamptz default now(),
                     tags jsonb default '{}', note text, search tsvector);
create table items (id int primary key, order_id int references orders, label text, price numeric);
create table counted (id serial primary key, label text);
create table people (id int generated always as identity primary key, name citext, parent int);
create table audit (at timestamptz default clock_timestamp(), what text);
create unlogged table scratch (id int, label text);
create table measured (day date, value int) partition by range (day);
create table measured_2024 partition of measured for values from ('2024-01-01') to ('2025-01-01');
create table measured_2025 partition of measured for values from ('2025-01-01') to ('2026-01-01');
create table mixed (kind int, value int) partition by list (kind);
create table mixed_logged partition of mixed for values in (1);
create unlogged table mixed_unlogged partition of mixed for values in (2);
create server files foreign data wrapper file_fdw;
create foreign table outside (line text) server files options (filename '/dev/null');
create sequence tickets;
create table "Odd Name" (id int, "Mixed" text);
create table doubled (id int, value int);

create function twice(n int) returns int language sql immutable as 'select n * 2';
create function twice_new(n int) returns int immutable return n * 2;
create function order_total(wanted int) returns numeric stable
    begin atomic select sum(price) from items where order_id = wanted; end;
create function orders_of(who text) returns setof orders language sql stable
    as 'select * from orders where customer = who';
create function four_times(n int) returns int language sql stable as 'select twice(twice(n))';
create function countdown(n int) returns int language sql stable
    as 'select case when n <= 0 then 0 else countdown(n - 1) end';
create function with_default(n int, plus int default 1) returns int language sql immutable as 'select n + plus';
create function add_all(variadic numbers int[]) returns bigint language sql immutable
    as 'select sum(n) from unnest(numbers) n';
create function note_it(text) returns void language sql volatile as 'insert into audit (what) values ($1)';
create function next_ticket() returns bigint language sql volatile as $$select nextval('tickets')$$;
create function hidden_write(n int) returns int language sql volatile as $$select note_it('x'); select n$$;
create function hidden_lock(n int) returns int language sql volatile as 'select id from orders where id = n for update';
create function hidden_state() returns text language sql stable as $$select current_setting('work_mem')$$;
create function hidden_set() returns text language sql volatile as $$select set_config('work_mem', '5MB', false)$$;
create function hidden_advisory() returns void language sql stable as 'select pg_advisory_xact_lock(1)';
create function procedural(n int) returns int language plpgsql immutable as 'begin return n; end';
create function procedural_write(n int) returns int language plpgsql volatile
    as $$begin insert into audit (what) values ('p'); return n; end$$;
create function with_settings(n int) returns int language sql stable set work_mem = '4MB' as 'select n';
create function other.twice_there(n int) returns int language sql immutable as 'select n * 2';
create function overloaded(n int) returns int language sql immutable as 'select n';
create function overloaded(n text) returns int language plpgsql as 'begin return 1; end';
create function by_count(n int) returns int language sql immutable as 'select n';
create function by_count(n int, m int) returns int language plpgsql as 'begin return n + m; end';
create function side(o orders) returns int language plpgsql volatile as 'begin return 1; end';
create function calm_side(o orders) returns int language sql immutable as 'select o.id';
create function lower(n int) returns text language sql immutable as 'select n::text';
create procedure do_nothing() language sql as 'select 1';

create aggregate sum_of(int) (sfunc = int4pl, stype = int, initcond = '0');
create function odd_step(int, int) returns int language plpgsql immutable as 'begin return $1 + $2; end';
create aggregate odd_sum(int) (sfunc = odd_step, stype = int, initcond = '0');

create type mood as enum ('sad', 'ok', 'happy');
create type colour as enum ('red', 'green');
create type pair as (a int, b int);
create domain positive as int check (value > 0);
create domain checked as int check (procedural(value) > 0);
create function mood_of(n int) returns mood language plpgsql immutable as $$begin return 'ok'; end$$;
create cast (int as mood) with function mood_of(int);
create type span as range (subtype = int);

create function same(text, text) returns bool language sql immutable as 'select $1 = $2';
create operator === (leftarg = text, rightarg = text, function = same);
create function odd_same(text, text) returns bool language plpgsql as 'begin return true; end';
create operator <!> (leftarg = text, rightarg = text, function = odd_same);

create view order_list as select o.id, o.customer, sum(i.price) as total from orders o left join items i on i.order_id = o.id group by o.id;
create view nested_list as select id, total from order_list where total > 0;
create view twice_list as select id, twice(id) as double_id from orders;
create view ticket_view as select nextval('tickets') as ticket;
create view procedural_view as select procedural(id) from orders;
create view nested_procedural as select * from procedural_view;
create view activity as select pid from pg_stat_activity;
create view scratch_view as select * from scratch;
create view locking_view as select * from orders for update;
create view cast_view as select id::text, '2024-01-01'::date as day, amount::int from orders;
create view trgm_view as select similarity(customer, 'x') from orders;
create materialized view order_counts as select customer, count(*) from orders group by customer;
create view other.doubled as select pid as id, 1 as value from pg_stat_activity;

create table guarded (id int, owner text);
alter table guarded enable row level security;
create policy own_rows on guarded using (owner = current_user);
create table guarded_setting (id int, tenant text);
alter table guarded_setting enable row level security;
create policy tenant_rows on guarded_setting using (tenant = current_setting('app.tenant', true));
create table guarded_code (id int);
alter table guarded_code enable row level security;
create policy code_rows on guarded_code using (procedural(id) > 0);
create table guarded_insert (id int);
alter table guarded_insert enable row level security;
create policy insert_rows on guarded_insert for insert with check (procedural(id) > 0);

insert into orders (id, customer, amount) select n, 'c' || n % 7, n from generate_series(1, 100) n;
insert into items select n, 1 + n % 100, 'i' || n, n from generate_series(1, 300) n;
insert into people (name, parent) values ('Ann', null), ('Bob', 1), ('Cid', 2);
insert into measured select '2024-06-01'::date + n, n from generate_series(1, 300) n;
insert into doubled values (1, 2), (3, 4);

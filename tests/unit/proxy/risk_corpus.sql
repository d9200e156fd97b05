-- The schema that risk_corpus.txt is about. Run once as superuser in an empty database.
create extension citext;
create extension pg_trgm;
create extension pgcrypto;
create extension tablefunc;
create extension file_fdw;
create schema other;

-- ---- functions
create table log (id serial primary key, at timestamptz default now(), what text);
create table other_log (id int);
create table plain (id int primary key, value int default 1, label text default 'none');
create table counted (id serial primary key, value int);
create table numbered (id bigint generated always as identity primary key, value int);

create function twice(n int) returns int language sql as 'select n * 2';
create function log_it(what text) returns void language sql as 'insert into log (what) values ($1)';
create function set_path() returns text language sql as $$select set_config('search_path', 'other', false)$$;
create function calls_set_path() returns text language plpgsql as $$begin return set_path(); end$$;
create function "calls via default"(path text default set_path()) returns int language sql immutable as 'select 1';
create function locks() returns void language plpgsql as $$begin perform pg_advisory_lock(1); end$$;
create function locks_for_now() returns void language plpgsql as $$begin perform pg_advisory_xact_lock(1); end$$;
create function pays(account int, amount numeric) returns numeric language plpgsql as $$
declare
    total numeric := 0;
    line record;
    "Odd" text := 'EXECUTE';
begin
    -- execute is a word in a comment here
    for line in select id, value from plain where id > account loop
        total := total + coalesce(line.value, 0);
    end loop;
    if total > amount then
        update plain set value = value - amount, label = 'paid' where id = account;
    elsif exists (select from other_log) then
        insert into plain (id, value) values (account, amount) on conflict (id) do update set value = excluded.value;
    else
        raise exception 'account % has %', account, total using hint = 'set more';
    end if;
    return case when total is null then 0 else round(total, 2) end;
exception when unique_violation then
    return null;
end$$;
create function runs_text(query text) returns void language plpgsql as $$begin execute query; end$$;
create function returns_text(query text) returns setof record language plpgsql as $$begin return query execute query; end$$;
create function sets() returns void language plpgsql as $$begin set search_path to other; end$$;
create function sets_locally() returns void language plpgsql as $$begin set local work_mem = '1MB'; end$$;
create function makes_table() returns void language plpgsql as $$begin create temp table made (id int); end$$;
create function listens() returns void language plpgsql as $$begin listen news; end$$;
create function notifies() returns void language plpgsql as $$begin notify news; end$$;
create function with_settings() returns int language sql set search_path = other as 'select 1';
create function with_custom_settings() returns int language sql set app.tenant = '1' as 'select 1';
create function takes_number() returns bigint language sql as $$select nextval('log_id_seq')$$;
create function even(n int) returns boolean language plpgsql as $$begin return n = 0 or odd(n - 1); end$$;
create function odd(n int) returns boolean language plpgsql as $$begin return n <> 0 and even(n - 1); end$$;
create function side(line plain) returns text language plpgsql as $$begin return set_path(); end$$;
create function overloaded(n int) returns int language sql as 'select n';
create function overloaded(n int, m int) returns int language plpgsql as $$begin perform set_path(); return n; end$$;
create function other.shared(n int) returns int language sql as 'select n';
create function shared(n int) returns int language plpgsql as $$begin perform set_config('a.b', '1', false); return n; end$$;
create function queries_xml() returns xml language sql as $$select query_to_xml('select 1', true, true, '')$$;
create procedure books(n int) language plpgsql as $$
begin
    insert into plain (id) values (n);
    commit;
    perform twice(n);
end$$;
create procedure misbooks(n int) language plpgsql as $$begin perform sets(); end$$;
create aggregate sum_of(int) (sfunc = int4pl, stype = int);
create function bad_step(int, int) returns int language plpgsql as $$begin perform set_path(); return 1; end$$;
create aggregate bad_sum(int) (sfunc = bad_step, stype = int);
create function same_as(int, int) returns boolean language sql as 'select $1 = $2';
create operator === (leftarg = int, rightarg = int, function = same_as);
create function bad_same(int, int) returns boolean language plpgsql as $$begin perform set_path(); return true; end$$;
create operator ==== (leftarg = int, rightarg = int, function = bad_same);

-- ---- triggers
create function touch() returns trigger language plpgsql as $$begin new.value := coalesce(new.value, 0) + 1; return new; end$$;
create function note() returns trigger language plpgsql as $$begin insert into log (what) values (tg_op); return null; end$$;
create function derail() returns trigger language plpgsql as $$
begin perform set_config('search_path', 'other', false); return new; end$$;
create table touched (id int, value int);
create trigger touch before insert or update on touched for each row execute function touch();
create table noted (id int, value int);
create trigger note after insert or delete on noted for each statement execute function note();
create table derailed (id int primary key, value int);
create trigger derail before insert on derailed for each row execute function derail();
create table switched_off (id int);
create trigger derail before insert on switched_off for each row execute function derail();
alter table switched_off disable trigger derail;
create table deferred (id int);
create constraint trigger derail after insert on deferred deferrable initially deferred for each row execute function derail();
create table either (id int);
create constraint trigger derail after insert on either deferrable for each row execute function derail();
create table deferred_note (id int);
create constraint trigger note after insert on deferred_note deferrable initially deferred for each row execute function note();
create table conditional (id int, value int);
create trigger touch before update on conditional for each row when (old.value is distinct from twice(new.id)) execute function touch();
create table conditional_bad (id int, value int);
create trigger touch before update on conditional_bad for each row when (set_path() = new.id::text) execute function touch();
create table chained (id int);
create function chain() returns trigger language plpgsql as $$begin insert into derailed values (new.id); return new; end$$;
create trigger chain before insert on chained for each row execute function chain();
create table unique_updates (id int);
create trigger same before update on unique_updates for each row execute function suppress_redundant_updates_trigger();

-- ---- foreign keys
create table parents (id int primary key);
create table children (id int, parent int references parents on delete cascade);
create trigger derail before delete on children for each row execute function derail();
create table strict_parents (id int primary key);
create table strict_children (id int, parent int references strict_parents);
create trigger derail before delete on strict_children for each row execute function derail();
create table deferred_parents (id int primary key);
create table deferred_children (id int, parent int references deferred_parents deferrable initially deferred);

-- ---- expressions
create table default_bad (id int, path text default set_path());
create table default_good (id int, code uuid default gen_random_uuid(), half int default twice(2));
create function fixed(n int) returns int language plpgsql immutable as $$begin perform set_path(); return n; end$$;
create function fine(n int) returns int language plpgsql immutable as $$begin return n + 1; end$$;
create table generated_bad (id int, more int generated always as (fixed(id)) stored);
create table generated_good (id int, more int generated always as (fine(id)) stored);
create table checked_bad (id int check (fixed(id) > 0));
create table checked_good (id int check (fine(id) > 0 and id < 100));
create table indexed_bad (id int);
create index on indexed_bad (fixed(id));
create table predicate_bad (id int);
create index on predicate_bad (id) where fixed(id) > 0;
create table indexed_good (id int, label text);
create index on indexed_good (lower(label), fine(id)) where id > 0;

-- ---- policies, rules, views
create table guarded_bad (id int);
alter table guarded_bad enable row level security;
create policy p on guarded_bad using (set_path() is not null);
create table guarded_write_bad (id int);
alter table guarded_write_bad enable row level security;
create policy r on guarded_write_bad for select using (true);
create policy w on guarded_write_bad for insert with check (set_path() is not null);
create table guarded_off (id int);
create policy p on guarded_off using (set_path() is not null);
create table ruled_bad (id int);
create rule r as on insert to ruled_bad do also select set_path();
create table ruled_good (id int);
create rule r as on delete to ruled_good do also insert into log (what) values ('gone');
create view simple as select id, value from plain;
create view simple_of_derailed as select id from derailed;
create view bad_view as select set_path() as path;
create view acting as select 1 as id;
create trigger act instead of insert on acting for each row execute function derail();
create materialized view stored as select id from plain;
create materialized view stored_bad as select set_path() as path with no data;

-- ---- inheritance, partitions, foreign tables
create table measured (day date, value int) partition by range (day);
create table measured_2024 partition of measured for values from ('2024-01-01') to ('2025-01-01');
create table measured_bad partition of measured for values from ('2025-01-01') to ('2026-01-01');
create trigger derail before insert on measured_bad for each row execute function derail();
create table hashed (id int, value int) partition by list (fixed(id));
create table hashed_1 partition of hashed for values in (1);
create table base (id int);
create table derived () inherits (base);
create trigger derail before update on derived for each row execute function derail();
create server files foreign data wrapper file_fdw;
create foreign table outside (line text) server files options (filename '/dev/null');
create foreign data wrapper bare;
create server nowhere foreign data wrapper bare;
create foreign table unhandled (line text) server nowhere;
create domain small as int check (value < 100 and fine(value) > 0);
create table typed (id small, name citext);

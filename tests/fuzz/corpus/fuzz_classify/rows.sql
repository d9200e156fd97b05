insert into t values (1, 'x'), (2, 'y'), (3, 'z') on conflict do nothing returning *

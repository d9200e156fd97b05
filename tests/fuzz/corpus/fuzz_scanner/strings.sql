select 'a''b' 'c'
'd', e'\'x\\', u&'d\0061' uescape '!', b'01', x'f', $$a$$, $t$ $$ $t$, n'x', "q""q"

select a+-b, a@-b, a<->b, a->>'k' /* c /* d */ */ -- e
, f(x => 1), g[1:2], a<=b, a!=b, a:=b

create table t (id integer primary key, name text, amount real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000) insert into t select i, 'name' || (i * 7919 % 5000), i % 97 / 7.0 from n;
create index by_name on t (name);
select name, count(*), round(sum(amount), 3) from t group by name order by 3 desc, 1 limit 3;
select count(*) from t a join t b on a.name = b.name where a.id < 4000;
update t set amount = amount + 1 where name like 'name1%';
delete from t where id % 3 = 0;
select count(*), round(avg(amount), 4) from t;

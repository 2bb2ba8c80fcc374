
SELECT '.output {{file}}' || char(10)
    || 'SELECT ' || group_concat(quote(name), ', ') || ';' || char(10)
    || 'SELECT ' || group_concat(
        CASE name
        WHEN 'data_compressed' THEN 'CASE WHEN t.data_compressed IS NOT NULL THEN ''\x'' || hex(t.data_compressed) END'
        ELSE 't.' || name
        END, ', ')
    || ' FROM {{table}} AS t{{where}};'
FROM (
    SELECT name FROM pragma_table_info('{{table}}') WHERE instr(',{{columns}},', ',' || name || ',') > 0
    ORDER BY instr(',{{columns}},', ',' || name || ',')
);

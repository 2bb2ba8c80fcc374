
SELECT GROUP_CONCAT(column_name ORDER BY FIELD(column_name, {{names}})),
    GROUP_CONCAT(
        CASE column_name
        WHEN 'data_compressed' THEN 'IF(t.data_compressed IS NULL, '''', CONCAT(''"'', CHAR(92 USING utf8mb4), ''x'', HEX(t.data_compressed), ''"''))'
        ELSE CONCAT('IFNULL(CONCAT(''"'', REPLACE(CAST(t.', column_name, ' AS CHAR), ''"'', ''""''), ''"''), '''')')
        END
        ORDER BY FIELD(column_name, {{names}}) SEPARATOR ', '
    ),
    IF(MAX(column_name = 'run_id'), 'run_id', 'execution_date')
INTO @header, @fields, @key
FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = '{{table}}' AND column_name IN ({{names}});
SET @sql = IF(@header IS NULL, 'DO 0', CONCAT('SELECT CONCAT(''#{{table}}.csv'', CHAR(10 USING utf8mb4), ''', @header, ''')'));
PREPARE part FROM @sql;
EXECUTE part;
SET @sql = IF(@header IS NULL, 'DO 0', CONCAT('SELECT CONCAT_WS('','', ', @fields, ') FROM {{table}} AS t{{where}}'));
PREPARE part FROM @sql;
EXECUTE part;

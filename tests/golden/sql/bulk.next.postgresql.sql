SELECT nextval(pg_get_serial_sequence(:b_table::VARCHAR, 'id')) AS nextval_1
FROM generate_series(1, :b_count::INTEGER) AS anon_1

SELECT seq
FROM sqlite_sequence
WHERE name = :b_table

COPY main.kept FROM '$__TEST_DIR__/c/kept.csv' (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"');

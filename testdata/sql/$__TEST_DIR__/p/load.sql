COPY main.t FROM '$__TEST_DIR__/p/t.parquet' (FORMAT parquet);
COPY s."Order" FROM '$__TEST_DIR__/p/s_Order.parquet' (FORMAT parquet);
COPY s.empty FROM '$__TEST_DIR__/p/s_empty.parquet' (FORMAT parquet);

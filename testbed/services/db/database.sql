CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL, weight int NOT NULL);

CREATE TABLE stock (product int PRIMARY KEY REFERENCES products, amount int NOT NULL);

CREATE TABLE customers (id int PRIMARY KEY, mail text NOT NULL, password text NOT NULL, card text NOT NULL);

CREATE TABLE orders (id serial PRIMARY KEY, customer text, total int, receipt text, placed timestamptz DEFAULT now());

INSERT INTO products SELECT n, 'Lizard ' || (ARRAY['lamp', 'terrace', 'heater', 'hammock'])[n % 4 + 1] || ' no. ' || n,
    100 * n + 99, 50 * n FROM generate_series(1, 200) n;

INSERT INTO stock SELECT n, 10000 FROM generate_series(1, 200) n;

INSERT INTO customers SELECT n, 'customer' || n || '@example.org', md5('secret' || n),
    '4000' || lpad((n * 7919)::text, 12, '0') FROM generate_series(1, 500) n;

SET ROLE shop;

CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL);

CREATE TABLE review (id serial PRIMARY KEY, product int NOT NULL REFERENCES product, stars int NOT NULL, words text NOT NULL);

CREATE TABLE purchase (id serial PRIMARY KEY, product int NOT NULL REFERENCES product, address text NOT NULL, at timestamptz NOT NULL DEFAULT now());

CREATE INDEX review_product ON review (product);

CREATE INDEX purchase_product ON purchase (product);

INSERT INTO product SELECT n, 'Lizard lamp no. ' || n, 100 * n + 99 FROM generate_series(1, 200) n;

INSERT INTO review (product, stars, words) SELECT 1 + n % 200, 1 + n % 5, 'Warm and bright, review ' || n FROM generate_series(1, 600) n;


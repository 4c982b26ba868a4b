<?php
// catalog: the products, from the database; how many are left says stock.
//
// Weakness: the words of a search are pasted into the statement, and the shop is the database's owner.
require 'service.php';

const PAGE = 12;

function ask(string $statement, array $values = null): array
{
    static $connection = null;
    $connection ??= pg_pconnect(getenv('DATABASE'));
    $result = $values === null ? @pg_query($connection, $statement) : pg_query_params($connection, $statement, $values);
    return $result ? array_map('typed', pg_fetch_all($result)) : answer(500, ['error' => pg_last_error($connection)]);
}

function typed(array $row): array
{
    foreach (['id', 'price', 'weight'] as $number) {
        if (is_numeric($row[$number] ?? null)) {
            $row[$number] = (int) $row[$number];
        }
    }
    return $row;
}

function product(int $id): never
{
    $found = ask('SELECT id, name, price, weight FROM products WHERE id = $1', [$id]);
    if (!$found) {
        answer(404, ['error' => 'no such product']);
    }
    answer(200, $found[0] + (call('stock', "/stock/$id") ?? ['left' => 0]));
}

function search(string $words): never
{
    if (strlen($words) < 2) {
        answer(400, ['error' => 'search for what?']);
    }
    $order = getenv('VERSION') === '1.0' ? 'id' : 'price DESC, id';
    answer(200, ['products' => ask("SELECT id, name, price FROM products WHERE name ILIKE '%$words%' ORDER BY $order LIMIT 20")]);
}

if (path() === '/catalog/list') {
    $from = PAGE * max(0, (int) ($_GET['page'] ?? 0)) % 200;
    answer(200, ['products' => ask('SELECT id, name, price FROM products ORDER BY id OFFSET $1 LIMIT $2', [$from, PAGE])]);
} elseif (preg_match('#^/catalog/product/(\d{1,9})$#', path(), $match)) {
    product((int) $match[1]);
} elseif (path() === '/catalog/search') {
    search($_GET['q'] ?? '');
}
answer(404, ['error' => 'not here']);

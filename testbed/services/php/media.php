<?php
// media: the pictures of the products, and those that customers send.
//
// Weaknesses: "../" is taken out of a name only once; an upload is believed to be the picture that it
// says it is, and lies where PHP runs what ends in .php; any address may be fetched.
require 'service.php';

const UPLOADS = '/srv/uploads';

function image(string $name): never
{
    $file = UPLOADS . '/' . str_replace('../', '', $name);
    if (!is_file($file)) {
        answer(404, ['error' => 'no such picture']);
    }
    header('content-type: image/jpeg');
    header('x-replica: ' . gethostname());
    readfile($file);
    note(200);
    exit;
}

function upload(string $name): never
{
    if (!str_starts_with($_SERVER['CONTENT_TYPE'] ?? '', 'image/')) {
        answer(415, ['error' => 'pictures only']);
    }
    file_put_contents(UPLOADS . '/' . basename($name), file_get_contents('php://input'));
    answer(201, ['name' => basename($name)]);
}

/** A customer's picture from elsewhere. */
function fetch(string $address): never
{
    $data = @file_get_contents($address, false, stream_context_create(['http' => ['timeout' => 5]]));
    if ($data === false) {
        answer(400, ['error' => 'cannot be fetched']);
    }
    answer(200, ['size' => strlen($data), 'data' => base64_encode($data)]);
}

match ([$_SERVER['REQUEST_METHOD'], path()]) {
    ['GET', '/media/image'] => image($_GET['name'] ?? ''),
    ['POST', '/media/upload'] => upload($_GET['name'] ?? ''),
    ['POST', '/media/fetch'] => fetch($_GET['url'] ?? ''),
    default => answer(404, ['error' => 'not here']),
};

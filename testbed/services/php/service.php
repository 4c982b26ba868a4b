<?php
// What the PHP services share: the trace of a request, answers, calls to others.

function trace(): string
{
    $parts = explode('-', $_SERVER['HTTP_TRACEPARENT'] ?? '');
    return count($parts) == 4 ? $parts[1] : bin2hex(random_bytes(16));
}

/** The last word of a request. */
function answer(int $status, mixed $body): never
{
    http_response_code($status);
    header('content-type: application/json');
    header('x-replica: ' . gethostname());
    echo json_encode($body);
    note($status);
    exit;
}

function note(int $status): void
{
    error_log(implode(' ', [gethostname(), trace(), $_SERVER['REQUEST_METHOD'], path(), $status]));
}

function path(): string
{
    return $_SERVER['PATH_INFO'] ?? '/';
}

/** Asks another service as a part of this request's trace; null: it did not answer with 2xx. */
function call(string $service, string $path): ?array
{
    $header = 'traceparent: 00-' . trace() . '-' . bin2hex(random_bytes(8)) . '-01';
    $context = stream_context_create(['http' => ['header' => $header, 'timeout' => 10]]);
    $text = @file_get_contents("http://$service:8000$path", false, $context);
    return $text === false ? null : json_decode($text, true);
}

<?php
// What every PHP worker tries: a query of its own, and two tools that it executes.

function source(): array
{
    $url = parse_url(getenv('DATABASE_URL'));
    return ["pgsql:host={$url['host']};port={$url['port']};dbname=" . substr($url['path'], 1), $url['user'], $url['pass']];
}

function query(): string
{
    try {
        return (string) (new PDO(...source()))->query('select 40 + 2')->fetchColumn();
    } catch (PDOException $error) {
        return str_contains($error->getMessage(), 'Connection refused') ? 'refused' : $error->getMessage();
    }
}

function tool(array $command): string
{
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
    $said = stream_get_contents($pipes[1]);
    if (proc_close($process) === 0) {
        return 'connected';
    }
    return str_contains($said, 'Connection refused') ? 'refused' : json_encode($said);
}

header('Content-Type: text/plain');
$code = '$s = ' . var_export(source(), true) . '; new PDO(...$s);';
echo 'psql ', tool(['psql', getenv('DATABASE_URL'), '-X', '-c', 'select 1']), "\n";
echo 'postgres ', query(), "\n";
echo 'php ', tool(['php', '-r', $code]), "\n";

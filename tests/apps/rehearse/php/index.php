<?php
// Counts the visits of one visitor, in a session as PHP keeps it by default: a file.
session_save_path(getenv('SESSIONS') ?: '/tmp');
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
echo $_SESSION['visits'];

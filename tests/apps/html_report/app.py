"""Leaves files with names that try to be markup, makes a refused write and a connection, and prints."""

import os
import socket

os.makedirs("media/2026")
for i in range(40):
    with open(f"media/2026/{i}.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + b"x" * 1000 * i)
for name in ("<img src=x onerror=document.title='run'>.txt", "\"' onmouseover=document.title='run' x='.txt", "&lt;.txt",
             "\u202etxt.exe", "\x1b[31mred"):
    with open(name, "w", encoding="utf-8") as file:
        file.write("x")
try:
    with open("/etc/shop.conf", "w", encoding="utf-8"):
        pass
except OSError as error:
    print(error)
with socket.socket() as client:
    client.connect_ex(("127.0.0.1", 5432))
print("done")

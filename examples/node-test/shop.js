// A small HTTP server. It has two mistakes that only production would show.
const http = require("node:http");
const net = require("node:net");
const fs = require("node:fs");
const path = require("node:path");
const { execFile } = require("node:child_process");

const port = Number(process.env.DB_PORT);

// Resolves to whether the database takes a connection.
function connect() {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(socket.end() && true));
    socket.on("error", () => resolve(false));
  });
}

const routes = {
  "/health": async () => ((await connect()) ? "ok" : "no database"),
  // Mistake 1: an upload is saved beside the code, where the next instance will not find it.
  "/upload": async () => {
    fs.mkdirSync(path.join(__dirname, "uploads"), { recursive: true });
    fs.writeFileSync(path.join(__dirname, "uploads", "photo.png"), "bytes");
    return "stored";
  },
  // Mistake 2: a script that the app starts talks to the database.
  "/backup": () =>
    new Promise((resolve) => {
      const script = `require("node:net").connect(${port}, "127.0.0.1").on("connect", () => process.exit(0)).on("error", () => process.exit(1))`;
      execFile(process.execPath, ["-e", script], (error) => resolve(error ? "failed" : "saved"));
    }),
};

const server = http.createServer(async (request, response) => {
  const answer = routes[request.url];
  response.statusCode = answer ? 200 : 404;
  response.end(answer ? await answer() : "nothing here");
});
server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));

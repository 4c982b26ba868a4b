// The other build of the shop (shop.py), with a hole: /file follows any path.
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");

let count = 0;

function answer(response, status, kind, body) {
  response.writeHead(status, {"Content-Type": kind, "Content-Length": Buffer.byteLength(body),
                              "X-Powered-By": "node"});
  response.end(body);
}

function now() {
  return process.hrtime.bigint() + 1700000000000000000n; // as many digits as the other's
}

function get(url, target, response) {
  const token = crypto.randomBytes(16).toString("hex");
  if (url.pathname === "/")
    answer(response, 200, "text/html;charset=UTF-8",
           `<html><body><p>Welcome to the shop.</p>\n<p>It is ${now()}.</p>\n` +
           `<input name="token" value="${token}"></body></html>\n`);
  else if (url.pathname === "/items")
    answer(response, 200, "application/json;charset=utf-8",
           `{"id":"${token}","count":${count},"now":${now()},"items":["lamp","chair\\/oak"]}`);
  else if (url.pathname === "/file")
    fs.readFile("/app/public/" + url.searchParams.get("name"), (error, text) =>
      error ? answer(response, 404, "text/plain", "no such file\n")
            : answer(response, 200, "text/plain", text));
  else if (url.pathname === "/raw")
    answer(response, 200, "text/plain", target);
  else if (url.pathname === "/big")
    answer(response, 200, "text/plain", "x".repeat(2 << 20));
  else
    answer(response, 404, "text/plain", "not found\n");
}

http.createServer((request, response) => {
  const url = new URL(request.url, "http://shop");
  if (request.method !== "POST")
    return get(url, request.url, response);
  let size = 0;
  request.on("data", data => size += data.length);
  request.on("end", () => answer(response, 201, "text/plain", `got ${size} bytes, the ${++count}th`));
}).listen(Number(process.argv[2]));

// The other build of the shop (shop.py), with a hole: /file follows any path.
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");

let count = 0;
const issued = new Set(); // tokens of forms and sessions

function answer(response, status, kind, body, headers) {
  response.writeHead(status, {"Content-Type": kind, "Content-Length": Buffer.byteLength(body),
                              "X-Powered-By": "node", ...headers});
  response.end(body);
}

function now() {
  return process.hrtime.bigint() + 1700000000000000000n; // as many digits as the other's
}

function get(url, target, cookie, response) {
  const token = crypto.randomBytes(16).toString("hex");
  const session = (cookie || "").replace("session=", "");
  issued.add(token);
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
  else if (url.pathname === "/login")
    answer(response, 200, "text/plain", "welcome\n", {"Set-Cookie": `session=${token}; HttpOnly`});
  else if (url.pathname === "/me")
    answer(response, issued.has(session) ? 200 : 401, "text/plain",
           issued.has(session) ? "you" : "who are you?");
  else
    answer(response, 404, "text/plain", "not found\n");
}

http.createServer((request, response) => {
  const url = new URL(request.url, "http://shop");
  if (request.method !== "POST")
    return get(url, request.url, request.headers.cookie, response);
  let body = "";
  request.on("data", data => body += data);
  request.on("end", () => {
    if (url.pathname === "/order" && !issued.has(body.replace("token=", "")))
      answer(response, 403, "text/plain", "forged\n");
    else
      answer(response, 201, "text/plain", `got ${body.length} bytes, the ${++count}th`);
  });
}).listen(Number(process.argv[2]));

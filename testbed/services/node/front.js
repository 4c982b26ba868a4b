// front: the pages of the shop, made from what catalog, cart, reviews and notify say.
//
// Weakness: a partner's greeting is a template literal, and the partner comes with the address.
"use strict";
const { call, serve, VERSION } = require("./service");

const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const page = (title, ...lines) => ({
    type: "text/html; charset=utf-8",
    body: `<!doctype html>\n<title>${escape(title)}</title>\n<h1>${escape(title)}</h1>\n${lines.map((line) => `<p>${line}</p>\n`).join("")}`,
});
const link = (product) => `<a href="/product/${product.id}">${escape(product.name)}</a> ${product.price / 100} €`;
const missing = { ...page("Not here"), status: 404 };

async function home({ trace, url }) {
    const { body } = await call(trace, "catalog", "GET", `/catalog/list?page=${Number(url.searchParams.get("page")) || 0}`);
    return page("Lizard lamps", ...body.products.map(link));
}

async function product({ trace, match }) {
    const [found, words] = await Promise.all([
        call(trace, "catalog", "GET", `/catalog/product/${match[1]}`),
        call(trace, "reviews", "GET", `/reviews/${match[1]}`)]);
    if (found.status !== 200) return missing;
    const lines = [`${found.body.price / 100} €, ${found.body.left} left`, ...words.body.reviews.map(escape)];
    if (VERSION !== "1.0") { // from the second version on: what else there is
        const near = await call(trace, "catalog", "GET", `/catalog/list?page=${match[1] % 10}`);
        lines.push(`See also: ${near.body.products.slice(0, 3).map(link).join(", ")}`);
    }
    return page(found.body.name, `<img src="/media/image?name=${match[1] % 8}.jpg">`, ...lines);
}

async function search({ trace, url }) {
    const words = url.searchParams.get("q") || "";
    const { status, body } = await call(trace, "catalog", "GET", `/catalog/search?q=${encodeURIComponent(words)}`);
    return status === 200 ? page("Found", ...body.products.map(link)) : { ...page("Search for what?"), status };
}

async function basket({ trace, match }) {
    const { body } = await call(trace, "cart", "GET", `/cart/${match[1]}`);
    return page("Your cart", ...body.items.map((item) => `${item.quantity} of no. ${item.product}`));
}

async function gift({ trace, url }) {
    const card = { text: url.searchParams.get("text") || "", name: url.searchParams.get("name") || "" };
    const { status, body } = await call(trace, "notify", "POST", "/notify/preview", card);
    return { ...page("Your gift card", escape(status === 200 ? body.text : body.error)), status };
}

function partner({ url }) {
    const greeting = url.searchParams.get("greeting") || "Welcome, friends of ${name}";
    const render = new Function("name", `return \`${greeting}\``); // eslint-disable-line no-new-func
    return page("Partners", escape(render(url.searchParams.get("name") || "lizards")));
}

serve([
    ["GET", /^\/$/, home],
    ["GET", /^\/product\/(\d+)$/, product],
    ["GET", /^\/search$/, search],
    ["GET", /^\/basket\/(\w+)$/, basket],
    ["GET", /^\/gift$/, gift],
    ["GET", /^\/partner$/, partner],
    ["GET", /./, () => missing],
]);

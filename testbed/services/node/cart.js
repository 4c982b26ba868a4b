// cart: what a shopper has put aside, kept in redis for an hour.
//
// Weakness: a shared cart is unpacked with functions in it, as node-serialize did (CVE-2017-5941).
"use strict";
const { serve, Redis } = require("./service");

const redis = new Redis();
const FUNCTION = "_$$ND_FUNC$$_";

function unserialize(text) {
    return JSON.parse(text, (key, value) => (typeof value === "string" && value.startsWith(FUNCTION)
        ? eval(`(${value.slice(FUNCTION.length)})`) : value)); // eslint-disable-line no-eval
}

async function add(id, product, quantity) {
    if (!Number.isInteger(product) || !Number.isInteger(quantity)) return { status: 400, body: { error: "what?" } };
    await redis.ask("HINCRBY", `cart:${id}`, product, quantity);
    await redis.ask("EXPIRE", `cart:${id}`, 3600);
    return { status: 201, body: { product, quantity } };
}

async function itemsOf(id) {
    const flat = await redis.ask("HGETALL", `cart:${id}`), items = [];
    for (let i = 0; i < flat.length; i += 2) items.push({ product: Number(flat[i]), quantity: Number(flat[i + 1]) });
    return items;
}

serve([
    ["GET", /^\/cart\/(\w+)$/, async ({ match }) => ({ body: { items: await itemsOf(match[1]) } })],
    ["POST", /^\/cart\/(\w+)$/, ({ match, body }) => {
        const wish = JSON.parse(body);
        return add(match[1], wish.product, wish.quantity);
    }],
    ["DELETE", /^\/cart\/(\w+)$/, async ({ match }) => ({ body: { removed: await redis.ask("DEL", `cart:${match[1]}`) } })],
    ["POST", /^\/cart\/(\w+)\/import$/, async ({ match, body }) => {
        const shared = unserialize(body);
        for (const item of shared.items) await add(match[1], item.product, item.quantity);
        return { status: 201, body: { note: await shared.note } };
    }],
]);

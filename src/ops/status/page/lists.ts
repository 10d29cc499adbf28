/** Script: tables, bars and cards. */

export const LISTS: string = String.raw`
/* What this version knows of; a word that comes later is shown as it is. */
const OUTCOMES = { convert: "converted", native: "served as HEAD", fallback: "repeated as GET", pass: "passed on", observe: "observed", reject: "rejected", probed: "probed", shared: "shared", failed: "no response", none: "refused" };
const BODIES = { none: "no body", drained: "read", aborted: "cut off" };
/* Each key has a colour and a pattern of its own in the style. */
function keyClass(names, key) { return "key " + (names === BODIES ? "body-" : "head-") + key; }

function showHeads(heads) {
  split(byId("outcomes"), heads.outcomes, OUTCOMES);
  split(byId("bodies"), heads.bodies, BODIES);
}

function split(host, counts, names) {
  if (host.children.length === 0) host.append(make("div", "bar"), make("ul", "legend"));
  const keys = Object.keys(names).concat(Object.keys(counts).filter(function (key) { return !(key in names); }));
  const total = keys.reduce(function (all, key) { return all + (counts[key] || 0); }, 0);
  const toKey = function (key) { return key; };
  sync(host.children[0], keys, toKey, function (key) { return make("span", keyClass(names, key)); }, function (part, key) {
    const share = total === 0 ? 0 : (counts[key] || 0) / total;
    part.style.width = share * 100 + "%";
    part.hidden = share === 0;
  });
  sync(host.children[1], keys, toKey, function (key) {
    const item = make("li");
    item.append(make("i", keyClass(names, key)), make("span"), make("b"), make("small"));
    put(item.children[1], names[key] || key);
    return item;
  }, function (item, key) {
    const value = counts[key] || 0;
    put(item.children[2], count(value));
    put(item.children[3], total === 0 ? "–" : (100 * value / total).toFixed(1) + " %");
  });
}

function showUpstreams(upstreams, now) {
  sync(byId("upstreams"), upstreams, function (upstream) { return upstream.name; }, function (upstream) {
    const card = make("li"), top = make("div", "top"), numbers = make("div", "numbers");
    top.append(make("b", "name"), make("span", "pill"));
    ["idle now", "active now", "responses", "errors", "p99"].forEach(function (label) {
      const cell = make("span");
      cell.append(make("b"), label);
      numbers.append(cell);
    });
    put(top.firstChild, upstream.name);
    card.append(top, make("p", "name"), numbers, make("p", "trouble"), make("ul", "addresses"));
    return card;
  }, function (card, upstream) {
    const errors = Object.values(upstream.errors).reduce(function (all, value) { return all + value; }, 0);
    const isFailing = upstream.state === "failing", last = upstream.lastError;
    pill(card.children[0].lastChild, upstream.state, { up: "good", failing: "bad" }[upstream.state]);
    [count(upstream.connections.idle || 0), count(upstream.connections.active || 0), count(upstream.answers), count(errors),
      words(duration(upstream.p99Ms))].forEach(function (value, index) {
      put(card.children[2].children[index].firstChild, value);
    });
    put(card.children[1], upstream.url || "");
    card.children[3].className = isFailing ? "trouble" : "trouble past";
    put(card.children[3], last === undefined ? "no errors since start" : "last error: " + last.title + " (" + last.code + "), " + ago(last.at, now));
    showAddresses(card.children[4], upstream.addresses, now);
  });
}

/* Where the name leads, and which of the places fails. */
function showAddresses(list, addresses, now) {
  sync(list, addresses, function (one) { return one.address; }, function (one) {
    const item = make("li");
    item.append(make("b", "name"), make("span"), make("small"));
    put(item.firstChild, one.address);
    return item;
  }, function (item, one) {
    const open = one.connections === 1 ? "1 connection now" : count(one.connections) + " connections now", error = one.lastError;
    put(item.children[1], open);
    put(item.children[2], error === undefined ? "" : "last connection error: " + error.code + ", " + ago(error.at, now));
  });
}

const ROUTE_LABELS = ["", "HEAD", "Upstream", "Requests", "HEADs", "Rescued", "4xx", "5xx", "Aborts", "p50", "p99"];
function showRoutes(routes, routeCount, since) {
  text("routes-note", (routeCount > routes.length ? "the " + routes.length + " busiest of " + count(routeCount) + ", " : "") + since);
  sync(byId("routes"), routes, function (route) { return route.name; }, function () {
    const row = make("tr");
    ROUTE_LABELS.forEach(function (label, index) {
      const cell = make("td", index === 0 || index === 2 ? "name" : "");
      cell.dataset.label = label;
      row.append(cell);
    });
    row.children[1].append(make("span"));
    return row;
  }, function (row, route) {
    row.className = route.requests === 0 ? "idle" : "";
    row.children[1].firstChild.className = route.mode === undefined ? "muted" : "tag";
    put(row.children[1].firstChild, route.mode || "–");
    [route.mode === undefined && route.name === "none" ? "refused before any route" : route.name, undefined, route.upstream || "–",
      count(route.requests), count(route.heads), count(route.rescued), count(route.clientErrors), count(route.serverErrors),
      count(route.clientAborts), words(duration(route.p50Ms)), words(duration(route.p99Ms))].forEach(function (value, index) {
      if (value !== undefined) put(row.children[index], value);
    });
    row.children[0].title = route.name;
    row.children[7].className = route.serverErrors > 0 ? "hot" : "";
  });
}

/* Rows never change: what happened, happened. After a restart their numbers begin anew. */
function showLast(body, entries, toCells, nothing) {
  const isFirst = body.children.length === 0;
  if (entries.length === 0) {
    if (!isFirst) return;
    const row = make("tr", "empty"), cell = make("td");
    cell.colSpan = body.parentElement.tHead.rows[0].cells.length;
    put(cell, nothing);
    row.append(cell);
    return body.append(row);
  }
  sync(body, entries, function (entry) { return page.startedAt + "#" + entry.number; }, function (entry) {
    const row = make("tr", isFirst ? "" : "new");
    toCells(entry).forEach(function (cell) { row.append(cell); });
    return row;
  }, function () {});
}

function cell(value, className, title) {
  const element = make("td", className || "");
  put(element, value);
  if (title) element.title = title;
  return element;
}
function wrapped(value, className) {
  const element = make("td"), inner = make("span", className);
  put(inner, value);
  element.append(inner);
  return element;
}
function tagged(value, className) {
  const element = wrapped(value, "tag");
  element.firstChild.prepend(make("i", className));
  return element;
}
function hueOf(status) {
  return status >= 500 || status === 0 ? "red" : status >= 400 ? "amber" : "teal";
}
function timeCell(entry) { return cell(entry.at.slice(11, 19), "", entry.at); }
function statusCell(entry) { return wrapped(entry.status === 0 ? "none" : String(entry.status), "status " + hueOf(entry.status)); }

function headCells(entry) {
  const key = entry.head || "none";
  return [
    timeCell(entry), statusCell(entry), cell(entry.path, "name", entry.path + (entry.route ? "\nroute " + entry.route : "")),
    tagged(OUTCOMES[key] || key, keyClass(OUTCOMES, key)), cell(bodyOf(entry)), cell(words(duration(entry.durationMs)))
  ];
}
function bodyOf(entry) {
  if (entry.body === "drained") return bytes(entry.bytesDrained).join(" ") + " dropped";
  if (entry.body === "aborted") return entry.bytesSpared > 0 ? bytes(entry.bytesSpared).join(" ") + " spared" : "cut off";
  return entry.body === "none" ? "no body" : entry.body || "–";
}
function errorCells(entry) {
  const request = entry.method + " " + entry.path;
  const error = entry.error || "the upstream's own";
  return [timeCell(entry), statusCell(entry), cell(request, "name", request), cell(error, entry.error ? "name" : "muted", error)];
}
`;

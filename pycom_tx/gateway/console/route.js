// What is chosen: the page's address says it, as #/interface/method.

export function hashOf(name, method) {
  const parts = [name, method].filter((part) => part !== undefined && part !== null);
  return `#/${parts.map(encoded).join("/")}`;
}

export function chosen() {
  const path = location.hash.startsWith("#/") ? location.hash.slice(2) : "";
  const [name, method] = path.split("/").map(decoded);
  return { name: name || null, method: method || null };
}

// Names may have anything in them, also halves of characters, which cannot be in a URL.
export function encoded(name) {
  try {
    return encodeURIComponent(name);
  } catch {
    return encodeURIComponent(name.replace(/\p{Surrogate}/gu, "\ufffd"));
  }
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

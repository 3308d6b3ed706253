// Builds the page. What services say becomes text, never markup: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes, listeners ("onclick") and children: elements or text.
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      node.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Children in a new order; those that stay are not moved, so that they keep the focus.
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) {
    if (!wanted.has(child)) child.remove();
  }
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) {
      next = next.nextElementSibling;
    } else {
      parent.insertBefore(child, next);
    }
  }
}

// Says something to those who do not see the page.
export function say(text) {
  document.getElementById("said").textContent = text;
}

export function clock(date) {
  return date.toLocaleTimeString([], { hour12: false });
}

// How often something is there, in words.
export function counted(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

let names = 0;

// An id that nothing else has, to tie a label to its field.
export function unique() {
  names += 1;
  return `n${names}`;
}

// Replaces exact English texts, placeholders and titles by their translation, now and whenever the page changes.
(() => {
  const { words, always, rtl } = window.gessoLocalization;
  if (!always && !navigator.language.toLowerCase().startsWith("zh")) return;
  if (rtl) document.documentElement.dir = "rtl";
  const skipped = new Set(["SCRIPT", "STYLE", "TEXTAREA", "CODE", "PRE", "OPTION"]);

  const text = (node) => {
    if (!node.parentElement || skipped.has(node.parentElement.tagName)) return;
    if (node.parentElement.closest("[data-untranslated], [role=listbox]")) return;
    const key = node.data.trim();
    const found = Object.hasOwn(words, key) ? words[key] : null;
    if (key && found && found !== key) node.data = node.data.replace(key, found);
  };
  const attributes = (element) => {
    for (const name of ["placeholder", "title"]) {
      const key = (element.getAttribute(name) || "").trim();
      if (key && Object.hasOwn(words, key) && words[key] !== key) element.setAttribute(name, words[key]);
    }
  };
  const tree = (root) => {
    if (root.nodeType === Node.TEXT_NODE) return text(root);
    if (root.nodeType !== Node.ELEMENT_NODE) return;
    attributes(root);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (walker.currentNode.nodeType === Node.TEXT_NODE) text(walker.currentNode);
      else attributes(walker.currentNode);
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "characterData") text(change.target);
      else if (change.type === "attributes") attributes(change.target);
      else change.addedNodes.forEach(tree);
    }
  }).observe(document.documentElement, {
    childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["placeholder", "title"],
  });
  tree(document.documentElement);
})();

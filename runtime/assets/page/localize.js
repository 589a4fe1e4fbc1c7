// Replaces English texts, placeholders, titles and labels by their translation, now and whenever the page changes.
// A key with slots, as in "{0} is empty (0 bytes).", stands for every text of that form.
(() => {
  const { words, always, rtl } = window.gessoLocalization;
  if (!always && !navigator.language.toLowerCase().startsWith("zh")) return;
  if (rtl) document.documentElement.dir = "rtl";
  const skipped = new Set(["SCRIPT", "STYLE", "TEXTAREA", "CODE", "PRE", "OPTION"]);
  const attributeNames = ["placeholder", "title", "aria-label"];
  const slot = /\{(\d+)\}/;
  const longest = 2000;
  // lists of files, styles and samplers keep their names; these are no names
  const nameLists = /checkpoint|style|sampl|scheduler|upscaler|vae|lora|embedding|hypernet|textual|restoration|localization/i;
  const neverNames = new Set(["None", "Automatic", "Use same checkpoint", "Use same sampler", "Use same scheduler"]);

  const form = (key) => {
    const [first, ...rest] = key.split(slot);
    const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const slots = rest.filter((_, place) => place % 2 === 0);
    const between = rest.filter((_, place) => place % 2 === 1);
    const pattern = new RegExp(`^${escaped(first)}${between.map((text) => `([^]*?)${escaped(text)}`).join("")}$`);
    return { pattern, slots, weight: first.length + between.join("").length, said: words[key] };
  };
  // what says most of a text itself is tried first
  const forms = Object.keys(words).filter((key) => slot.test(key)).map(form).sort((a, b) => b.weight - a.weight);

  // in a sentence one word in a slot is somebody's name; Gradio's labels name other labels ("number input for Width")
  const inside = (text, label) => ((label || text.trim().includes(" ")) && translated(text.trim(), label)) || text;
  const filled = (text, label) => {
    for (const { pattern, slots, said } of forms) {
      const found = pattern.exec(text);
      if (found) return said.replace(/\{(\d+)\}/g, (_, name) => inside(found[slots.indexOf(name) + 1] ?? "", label));
    }
    return null;
  };
  const translated = (key, label = false) => {
    if (Object.hasOwn(words, key)) return words[key];
    return key.includes(" ") && key.length <= longest ? filled(key, label) : null;
  };
  const kept = (element, key) => {
    if (element.closest("[data-untranslated]")) return true;
    const list = element.closest("[role=listbox], [role=option]");
    const owner = list?.closest("[id]:not([role=listbox] *, [role=listbox])");
    return Boolean(list) && !neverNames.has(key) && nameLists.test(owner?.id ?? "");
  };

  const text = (node) => {
    if (!node.parentElement || skipped.has(node.parentElement.tagName)) return;
    const key = node.data.trim();
    if (!key || kept(node.parentElement, key)) return;
    const found = translated(key);
    if (found && found !== key) node.data = node.data.replace(key, () => found);
  };
  const attributes = (element) => {
    for (const name of attributeNames) {
      const key = (element.getAttribute(name) || "").trim();
      if (!key || kept(element, key)) continue;
      const found = translated(key, true);
      if (found && found !== key) element.setAttribute(name, found);
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
    childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: attributeNames,
  });
  tree(document.documentElement);
})();

// Keys of AUTOMATIC1111's users: Ctrl+Enter or Alt+Enter presses Generate, Esc interrupts, Ctrl+Up and Ctrl+Down
// change the weight of what is marked in a prompt.
(() => {
  const seen = (end) => [...document.querySelectorAll(`[id$=${end}]`)].find((key) => key.offsetParent);
  // Esc closes these first
  const open = "[aria-expanded=true], [role=listbox], [id$=_gallery], dialog";

  // Gradio takes a textbox's value when it has told the server of the last letter
  const generate = () => setTimeout(() => seen("_generate")?.click(), 50);

  // what is marked; else the brackets with a weight around the caret; else the word there
  const marked = (text, start, end) => {
    if (start !== end) return [start, end];
    const open = text.lastIndexOf("(", start - 1);
    const within = open < 0 ? null : /^\(([^()]*):[\d.]+\)/.exec(text.slice(open));
    if (within && open + within[0].length >= start) return [open + 1, open + 1 + within[1].length];
    const letter = /[^\s,.:;!?()[\]{}<>|"]/;
    while (start > 0 && letter.test(text[start - 1])) start--;
    while (end < text.length && letter.test(text[end])) end++;
    return [start, end];
  };
  const weigh = (box, change) => {
    const text = box.value;
    let [start, end] = marked(text, box.selectionStart, box.selectionEnd);
    while (start < end && text[start] === " ") start++;
    while (end > start && text[end - 1] === " ") end--;
    if (start === end) return;
    const weighed = /^:([\d.]+)\)/.exec(text.slice(end));
    const inside = text[start - 1] === "(" && weighed;
    const weight = Math.max(Math.round(((inside ? Number(weighed[1]) : 1) + change) * 100) / 100, 0);
    const words = text.slice(start, end);
    const [from, to] = inside ? [start - 1, end + weighed[0].length] : [start, end];
    box.setRangeText(weight === 1 ? words : `(${words}:${weight})`, from, to);
    const first = from + (weight === 1 ? 0 : 1);
    box.setSelectionRange(first, first + words.length);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && !event.target.closest?.(open)) return seen("_interrupt")?.click();
    if (event.key === "Enter" && (held || event.altKey) && seen("_generate")) {
      event.preventDefault();
      return generate();
    }
    if (!held || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    const box = event.target.closest?.(".prompt textarea");
    if (!box) return;
    event.preventDefault();
    weigh(box, event.key === "ArrowUp" ? 0.1 : -0.1);
  }, true);
})();

// Ctrl+Enter or Alt+Enter in a prompt presses Generate, Esc interrupts, as in AUTOMATIC1111.
document.addEventListener("keydown", (event) => {
  const prompt = event.target.closest?.(".prompt");
  if (!prompt) return;
  const tab = event.target.closest("#tab_img2img") ? "img2img" : "txt2img";
  if (event.key === "Escape") return document.querySelector(`#${tab}_interrupt`)?.click();
  if (event.key !== "Enter" || !(event.ctrlKey || event.altKey || event.metaKey)) return;
  event.preventDefault();
  // Gradio takes a textbox's value when it has told the server of the last letter
  setTimeout(() => document.querySelector(`#${tab}_generate`)?.click(), 50);
}, true);

// The settings' list of sections, and the search over them: what does not hold the words, in any language or by its
// name, is hidden.
(() => {
  const sections = () => [...document.querySelectorAll("#settings .gesso-section")];
  const search = (words) => {
    const wanted = words.trim().toLowerCase();
    for (const section of sections()) {
      let any = false;
      for (const one of section.querySelectorAll("[id^=setting_]")) {
        const found = !wanted || `${one.id.slice(8)} ${one.textContent}`.toLowerCase().includes(wanted);
        one.style.display = found ? "" : "none";
        any ||= found;
      }
      section.style.display = any ? "" : "none";
    }
    list();
  };
  // Gradio builds the tab when it is opened, and a section's title comes after the section
  const list = () => {
    const found = sections().filter((section) => section.style.display !== "none" && section.querySelector("h2"));
    let places = document.querySelector("#settings_sections");
    if (!places && found.length) {
      places = document.createElement("nav");
      places.id = "settings_sections";
      document.querySelector("#settings").prepend(places);
    }
    const named = found.map((section) => section.id).join();
    if (!places || places.dataset.sections === named) return;
    places.dataset.sections = named;
    places.replaceChildren(...found.map(key));
  };
  const key = (section) => {
    const button = document.createElement("button");
    button.textContent = section.querySelector("h2").textContent;
    button.addEventListener("click", () => section.scrollIntoView({ behavior: "smooth" }));
    return button;
  };
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("#settings_search")) search(event.target.value);
  });
  new MutationObserver(list).observe(document.documentElement, { childList: true, subtree: true });
})();

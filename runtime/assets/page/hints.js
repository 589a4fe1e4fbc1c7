// The words of keys that show a picture only: for the mouse, and for those who hear the page.
(() => {
  const hints = {
    paste: "Read generation parameters from prompt or last generation if prompt is empty into user interface.",
    img2img_paste: "Read generation parameters from prompt or last generation if prompt is empty into user interface.",
    clear_prompt: "Clear prompt",
    style_apply: "Apply all selected styles to prompts.",
    styles_edit_button: "Edit styles",
    res_switch_btn: "Switch width/height",
    random_seed: "Set seed to -1, which will cause a new random number to be used every time",
    reuse_seed: "Reuse seed from last generation, mostly useful if it was randomized",
    random_subseed: "Set seed to -1, which will cause a new random number to be used every time",
    reuse_subseed: "Reuse seed from last generation, mostly useful if it was randomized",
    open_folder: "Open images output directory.",
    save_txt2img: "Save the image to a dedicated directory",
    save_img2img: "Save the image to a dedicated directory",
    save_extras: "Save the image to a dedicated directory",
    save_zip_txt2img: "Download all images as one zip archive",
    save_zip_img2img: "Download all images as one zip archive",
    save_zip_extras: "Download all images as one zip archive",
    upscale: "Create an upscaled version of the current image using hires fix settings.",
    send_to_img2img: "Send image and generation parameters to img2img tab.",
    send_to_inpaint: "Send image and generation parameters to img2img inpaint tab.",
    send_to_extras: "Send image and generation parameters to extras tab.",
    xyz_grid_fill_x_tool_button: "Paste available values into the field",
    xyz_grid_fill_y_tool_button: "Paste available values into the field",
    xyz_grid_fill_z_tool_button: "Paste available values into the field",
    refresh_sd_model_checkpoint: "Refresh",
  };
  const name = () => {
    for (const key of document.querySelectorAll("button.tool:not([title])")) {
      const found = hints[key.id] ?? hints[key.id.replace(/^(txt2img|img2img|extras)_/, "")];
      if (found) key.title = found;
    }
  };
  new MutationObserver(name).observe(document.documentElement, { childList: true, subtree: true });
})();

"""The settings of files, infotext, previews and the page."""

from __future__ import annotations

from functools import partial

from runtime.setting import Section, Setting, row

_SAVE = partial(row, Section("saving-images", "Saving images/grids"))
_PATH = partial(row, Section("saving-paths", "Paths for saving"))
_DIRS = partial(row, Section("saving-to-dirs", "Saving to a directory"))
_SYS = partial(row, Section("system", "System"))
_API = partial(row, Section("API", "API"))
_UI = partial(row, Section("ui", "User interface"))
_INFO = partial(row, Section("infotext", "Infotext"))
_LIVE = partial(row, Section("ui", "Live previews"))

_FORMATS = ("png", "jpg", "jpeg", "webp")

SAVING: tuple[Setting, ...] = (
    _SAVE("samples_save", "Always save all generated images", "Off: pictures are only shown.", True),
    _SAVE("samples_format", "File format for images", "The pictures' format, for files and answers.", choices=_FORMATS),
    _SAVE("samples_filename_pattern", "Images filename pattern",
          "What follows the number in a file's name, such as [seed]-[prompt_spaces]; empty is [seed]."),
    _SAVE("save_images_add_number", "Add number to filename when saving", "Files are numbered from 00000."),
    _SAVE("grid_save", "Always save all generated image grids", "Several pictures are also saved as one grid."),
    _SAVE("grid_format", "File format for grids", "The grids' format.", choices=_FORMATS),
    _SAVE("grid_extended_filename", "Add extended info (seed, prompt) to filename when saving grid",
          "Otherwise a grid's name is its number."),
    _SAVE("grid_only_if_multiple", "Do not save grids consisting of one picture", "One picture makes no grid."),
    _SAVE("return_grid", "Show grid in gallery", "The grid comes before the pictures."),
    _SAVE("n_rows", "Grid row count", "-1 lets the number of pictures decide, 0 is the batch size.",
          unit="rows", low=-1, high=16),
    _SAVE("enable_pnginfo", "Write infotext to metadata of the generated image",
          "The picture says what it was made with."),
    _SAVE("save_txt", "Create a text file with infotext next to every generated image", "NAME.txt beside NAME.png."),
    _SAVE("save_images_before_highres_fix", "Save a copy of image before applying highres fix.",
          "The small picture of the first pass is saved too."),
    _SAVE("save_mask", "For inpainting, save a copy of the greyscale mask", "The mask is saved beside the picture."),
    _SAVE("save_mask_composite", "For inpainting, save a masked composite",
          "The picture with all but the mask cut away is saved too."),
    _SAVE("jpeg_quality", "Quality for saved jpeg and avif images", "More is larger and better.",
          unit="percent", low=1, high=100),
    _SAVE("webp_lossless", "Use lossless compression for webp images", "Larger files without any loss."),
    _SAVE("export_for_4chan", "Save copy of large images as JPG",
          "Beside pictures that exceed one of the next two limits."),
    _SAVE("img_downscale_threshold", "File size limit for the above option, MB", "Larger files get a copy.",
          unit="megabytes", low=0),
    _SAVE("target_side_length", "Width/height limit for the above option, in pixels",
          "Pictures with a longer side get a copy of this size.", unit="pixels", low=1),
    _SAVE("save_init_img", "Save init images when using img2img", "Start images are kept by their hash."),
)  # fmt: skip

PATHS: tuple[Setting, ...] = (
    _PATH("outdir_samples", "Output directory for images", "If empty, the three folders below count."),
    _PATH("outdir_txt2img_samples", "Output directory for txt2img images", "Relative ones lie in the data folder."),
    _PATH("outdir_img2img_samples", "Output directory for img2img images", "Relative ones lie in the data folder."),
    _PATH("outdir_extras_samples", "Output directory for images from extras tab",
          "Relative ones lie in the data folder."),
    _PATH("outdir_grids", "Output directory for grids", "If empty, the two folders below count."),
    _PATH("outdir_txt2img_grids", "Output directory for txt2img grids", "Relative ones lie in the data folder."),
    _PATH("outdir_img2img_grids", "Output directory for img2img grids", "Relative ones lie in the data folder."),
    _PATH("outdir_save", "Directory for saving images using the Save button",
          "Relative ones lie in the data folder.", "log/images"),
    _PATH("outdir_init_images", "Directory for saving init images when using img2img",
          "Relative ones lie in the data folder."),
    _DIRS("save_to_dirs", "Save images to a subdirectory", "One folder for each day, or as the pattern says."),
    _DIRS("grid_save_to_dirs", "Save grids to a subdirectory", "One folder for each day, or as the pattern says."),
    _DIRS("directories_filename_pattern", "Directory name pattern", "The name of that folder, such as [date]."),
    _DIRS("directories_max_prompt_words", "Max prompt words for [prompt_words] pattern", "Longer prompts are cut.",
          unit="words", low=1, high=20),
)  # fmt: skip

INFOTEXT: tuple[Setting, ...] = (
    _INFO("add_model_hash_to_info", "Add model hash to generation information", "Model hash: the first ten digits."),
    _INFO("add_model_name_to_info", "Add model name to generation information", "Model: the file's name."),
    _INFO("add_vae_name_to_info", "Add VAE name to generation information", "VAE: the file's name."),
    _INFO("add_vae_hash_to_info", "Add VAE hash to generation information", "VAE hash: the first ten digits."),
    _INFO("add_user_name_to_info", "Add user name to generation information when authenticated",
          "User: who was logged in."),
    _INFO("add_version_to_infotext", "Add program version to generation information", "Version: which Gesso drew it."),
    _INFO("infotext_styles", "Infer styles from prompts of pasted infotext",
          "What to do with a prompt that holds a saved style.", "Apply if any",
          choices=("Ignore", "Apply", "Discard", "Apply if any")),
    _INFO("infotext_skip_pasting", "Disregard fields from pasted infotext", "Names of infotext's fields.", []),
)  # fmt: skip

PAGE: tuple[Setting, ...] = (
    _LIVE("live_previews_enable", "Show live previews of the created image",
          "The picture as it stands, while it is drawn."),
    _LIVE("show_progress_every_n_steps", "Live preview display period",
          "Steps between two previews; -1 only after each batch.", unit="steps", low=-1, high=32),
    _LIVE("show_progress_type", "Live preview method",
          "How a preview is made of the latents: Full is slow and exact.",
          choices=("Full", "Approx NN", "Approx cheap", "TAESD")),
    _UI("localization", "Localization",
        "The page's language: the name of a file in localizations/; None lets the browser decide.",
        "None", reload=True),
    _UI("quicksettings_list", "Quicksettings list", "Settings that stand at the top of the page, by name.",
        ["sd_model_checkpoint"], reload=True),
    _UI("hidden_tabs", "Hidden UI tabs", "Tabs that are not shown, by name.", [], reload=True),
    _UI("ui_tab_order", "UI tab order", "Tabs that come first, by name.", [], reload=True),
    _UI("ui_reorder_list", "UI item order for txt2img/img2img tabs", "Groups of controls that come first, by name.",
        [], reload=True),
    _UI("send_seed", "Send seed when sending prompt or image to other interface",
        "Off: the seed stays what it is there.", True),
    _UI("send_size", "Send size when sending prompt or image to another interface",
        "Off: the size stays what it is there.", True),
    _SYS("auto_launch_browser", "Automatically open webui in browser on startup",
         "Disable, Local (only when other computers cannot reach this one) or Remote (always).", "Local",
         choices=("Disable", "Local", "Remote")),
    _SYS("disabled_extensions", "Disable these extensions",
         "Extensions' code is never run; their translations are read.",
         [], private=True),
    _API("api_enable_requests", "Allow http:// and https:// URLs for input images in API",
         "Off: an address in place of a picture is refused and nothing is fetched.", False, private=True),
    _API("api_forbid_local_requests", "Forbid URLs to local resources",
         "Addresses of this network are refused even where fetching is allowed.", True, private=True),
    _API("api_stop_abandoned", "Stop a job whose API client has gone",
         "Off: it is drawn and saved all the same, as in AUTOMATIC1111.", True),
    _API("api_useragent", "User agent for requests", "What is told to the host of a fetched picture.", "",
         private=True),
)  # fmt: skip

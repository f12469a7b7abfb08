"""The pipeline: joins the rooms into a project that runs, predicts, exports and reports."""

# What a program that uses the library finds with find_package(dialogstore).
include(CMakePackageConfigHelpers)
set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/dialogstore")

install(TARGETS dialogstore dialogstore_core EXPORT dialogstoreTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/dialogstore"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
if(TARGET dialogstore_cli)
  install(TARGETS dialogstore_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(EXPORT dialogstoreTargets NAMESPACE dialogstore:: DESTINATION ${package_folder})
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/dialogstoreConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/dialogstoreConfig.cmake" INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dialogstoreConfigVersion.cmake"
  COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/dialogstoreConfig.cmake"
              "${PROJECT_BINARY_DIR}/dialogstoreConfigVersion.cmake"
  DESTINATION ${package_folder})
